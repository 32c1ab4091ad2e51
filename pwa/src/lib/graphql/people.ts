/** Who belongs to the project, their roles, and who is invited. */
import { graphql, type ResultOf } from './document.ts';
import { rolesAndParts } from './roles.ts';

export const peopleQuery = graphql(
  `
    query People($project: ID!) {
      now
      project(id: $project) {
        ...RolesAndParts
        members {
          role
          modules
          until
          person {
            id
            login
            name {
              en
              zh
            }
          }
          part {
            id
            name {
              en
              zh
            }
          }
        }
        invitations {
          id
          role
          note
          expiresAt
          acceptedAt
          revokedAt
          part {
            id
            name {
              en
              zh
            }
          }
        }
      }
    }
  `,
  [rolesAndParts]
);

export const setMemberMutation = graphql(`
  mutation SetMember($input: MemberInput!) {
    setMember(input: $input) {
      role
    }
  }
`);

export const endMemberMutation = graphql(`
  mutation EndMember($project: ID!, $person: ID!) {
    endMember(project: $project, person: $person)
  }
`);

export const endSessionsOfMutation = graphql(`
  mutation EndSessionsOf($project: ID!, $person: ID!) {
    endSessionsOf(project: $project, person: $person)
  }
`);

export const setRoleMutation = graphql(`
  mutation SetRole($input: RoleInput!) {
    setRole(input: $input) {
      slug
    }
  }
`);

export const endRoleMutation = graphql(`
  mutation EndRole($project: ID!, $role: String!) {
    endRole(project: $project, role: $role) {
      slug
    }
  }
`);

export const inviteMutation = graphql(`
  mutation Invite($input: InviteInput!) {
    invite(input: $input) {
      link
      qr
      qrSize
    }
  }
`);

export const revokeInvitationMutation = graphql(`
  mutation RevokeInvitation($project: ID!, $id: ID!) {
    revokeInvitation(project: $project, id: $id) {
      id
    }
  }
`);

type Asked = ResultOf<typeof peopleQuery>;
export type PeoplePage = NonNullable<Asked['project']>;
export type Member = PeoplePage['members'][number];
export type Role = PeoplePage['roles'][number];
export type Invitation = PeoplePage['invitations'][number];
export type Place = PeoplePage['nodes'][number];
