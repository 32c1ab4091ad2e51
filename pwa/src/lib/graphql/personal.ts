/** What is kept of the reader, and being forgotten. */
import { graphql } from './document.ts';

export const myDataQuery = graphql(`
  query MyData {
    viewer {
      personalData
    }
  }
`);

export const forgetMeMutation = graphql(`
  mutation ForgetMe($login: String!) {
    forgetMe(login: $login)
  }
`);
