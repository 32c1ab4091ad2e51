/** What people and posts are given: a role, and a part of the plant. */
import { graphql } from './document.ts';

export const rolesAndParts = graphql(`
  fragment RolesAndParts on Project {
    nodes {
      id
      parentId
      name {
        en
        zh
      }
    }
    roles {
      slug
      permissions
      readyMade
      ended
      secondFactor
      holders
      name {
        en
        zh
      }
    }
  }
`);
