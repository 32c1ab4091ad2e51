/** Signing in and out, and who looks at which project. */
import { graphql, type ResultOf } from './document.ts';

export const viewerParts = graphql(`
  fragment ViewerParts on Viewer {
    demo
    makesProjects
    person {
      id
      login
      locale
      role
      name {
        en
        zh
      }
    }
    projects {
      id
      slug
      zone
      currency
      demo
      role
      permissions
      traits {
        accent
        logo
      }
      name {
        en
        zh
      }
      energies {
        code
        state
        unit
        colour
        name {
          en
          zh
        }
      }
    }
  }
`);

export const viewerQuery = graphql(
  `
    query Viewer {
      now
      viewer {
        ...ViewerParts
      }
    }
  `,
  [viewerParts]
);

export const demoPeopleQuery = graphql(`
  query DemoPeople {
    demoPeople {
      login
      password
      role
      name {
        en
        zh
      }
    }
  }
`);

export const nowQuery = graphql(`
  query Now {
    now
  }
`);

export const signInMutation = graphql(
  `
    mutation SignIn($login: String!, $password: String!) {
      signIn(login: $login, password: $password) {
        step
        viewer {
          ...ViewerParts
        }
      }
    }
  `,
  [viewerParts]
);

export const signOutMutation = graphql(`
  mutation SignOut {
    signOut
  }
`);

export const setLocaleMutation = graphql(`
  mutation SetLocale($locale: String!) {
    setLocale(locale: $locale) {
      id
      locale
    }
  }
`);

export type Viewer = ResultOf<typeof viewerParts>;
export type Project = Viewer['projects'][number];
export type DemoPerson = ResultOf<typeof demoPeopleQuery>['demoPeople'][number];
