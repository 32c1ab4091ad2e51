/** What one signs in with: passkeys, and proving who one is. */
import { graphql, type ResultOf } from './document.ts';
import { viewerParts } from './session.ts';

export const passkeysQuery = graphql(`
  query Passkeys {
    viewer {
      passkeys {
        id
        name
        createdAt
        lastUsedAt
        copiedAt
      }
    }
  }
`);

export const beginPasskeyMutation = graphql(`
  mutation BeginPasskey {
    beginPasskey {
      step
      options
    }
  }
`);

export const addPasskeyMutation = graphql(`
  mutation AddPasskey($step: String!, $name: String!, $answer: String!) {
    addPasskey(step: $step, name: $name, answer: $answer) {
      id
    }
  }
`);

export const removePasskeyMutation = graphql(`
  mutation RemovePasskey($id: ID!) {
    removePasskey(id: $id)
  }
`);

export const beginPasskeySignInMutation = graphql(`
  mutation BeginPasskeySignIn {
    beginPasskeySignIn {
      step
      options
    }
  }
`);

export const signInByPasskeyMutation = graphql(
  `
    mutation SignInByPasskey($step: String!, $answer: String!) {
      signInByPasskey(step: $step, answer: $answer) {
        viewer {
          ...ViewerParts
        }
      }
    }
  `,
  [viewerParts]
);

export const proveByPasswordMutation = graphql(`
  mutation ProveByPassword($password: String!) {
    proveByPassword(password: $password)
  }
`);

export const proveByPasskeyMutation = graphql(`
  mutation ProveByPasskey($step: String!, $answer: String!) {
    proveByPasskey(step: $step, answer: $answer)
  }
`);

export type Passkey = NonNullable<ResultOf<typeof passkeysQuery>['viewer']>['passkeys'][number];
