/** What one signs in with: passkeys, and proving who one is. */
import { graphql, type ResultOf } from './document.ts';
import { viewerParts } from './session.ts';

export const proofsQuery = graphql(`
  query Proofs {
    viewer {
      passkeys {
        id
        name
        createdAt
        lastUsedAt
        copiedAt
      }
      identities {
        id
        provider
        shown
        lastUsedAt
      }
      secondFactor {
        held
        codesLeft
        asked
      }
    }
    signInProviders {
      slug
      name {
        en
        zh
      }
    }
  }
`);

export const providersQuery = graphql(`
  query SignInProviders {
    signInProviders {
      slug
      name {
        en
        zh
      }
    }
  }
`);

export const unlinkMutation = graphql(`
  mutation Unlink($id: ID!) {
    unlinkIdentity(id: $id)
  }
`);

export const finishSignInMutation = graphql(
  `
    mutation FinishSignIn($step: String!, $code: String!) {
      finishSignIn(step: $step, code: $code) {
        viewer {
          ...ViewerParts
        }
      }
    }
  `,
  [viewerParts]
);

export const beginSecondFactorMutation = graphql(`
  mutation BeginSecondFactor {
    beginSecondFactor {
      secret
      qr
      qrSize
    }
  }
`);

export const confirmSecondFactorMutation = graphql(`
  mutation ConfirmSecondFactor($code: String!) {
    confirmSecondFactor(code: $code)
  }
`);

export const renewRecoveryCodesMutation = graphql(`
  mutation RenewRecoveryCodes {
    renewRecoveryCodes
  }
`);

export const removeSecondFactorMutation = graphql(`
  mutation RemoveSecondFactor {
    removeSecondFactor
  }
`);

export const askSecondFactorMutation = graphql(`
  mutation AskSecondFactor($project: ID!, $role: String!, $asked: Boolean!) {
    askSecondFactor(project: $project, role: $role, asked: $asked) {
      slug
      secondFactor
    }
  }
`);

export const resetSecondFactorMutation = graphql(`
  mutation ResetSecondFactor($project: ID!, $person: ID!) {
    resetSecondFactor(project: $project, person: $person)
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

export const changePasswordMutation = graphql(`
  mutation ChangePassword($current: String!, $wanted: String!) {
    changePassword(current: $current, wanted: $wanted)
  }
`);

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

export type Provider = ResultOf<typeof providersQuery>['signInProviders'][number];
export type Linked = Proofs['identities'][number];
export type Proofs = NonNullable<ResultOf<typeof proofsQuery>['viewer']>;
export type Passkey = Proofs['passkeys'][number];
export type SecondFactor = Proofs['secondFactor'];
export type NewSecondFactor = ResultOf<typeof beginSecondFactorMutation>['beginSecondFactor'];
