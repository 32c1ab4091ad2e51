/** Asking for an account, and an operator's decision on it. */
import { graphql, type ResultOf } from './document.ts';

export const signUpOpenQuery = graphql(`
  query SignUpOpen {
    signUpOpen
  }
`);

export const askForAccountMutation = graphql(`
  mutation AskForAccount($input: SignUpInput!) {
    askForAccount(input: $input)
  }
`);

export const signUpsQuery = graphql(`
  query SignUps {
    signUps {
      id
      login
      name
      note
      network
      askedAt
      taken
    }
  }
`);

export const approveSignUpMutation = graphql(`
  mutation ApproveSignUp($id: ID!) {
    approveSignUp(id: $id)
  }
`);

export const refuseSignUpMutation = graphql(`
  mutation RefuseSignUp($id: ID!) {
    refuseSignUp(id: $id)
  }
`);

export type SignUp = NonNullable<ResultOf<typeof signUpsQuery>['signUps']>[number];
