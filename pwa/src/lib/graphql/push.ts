/** Registering this browser for notifications; page and service worker share it. */
import { graphql } from './document.ts';

export const pushKeyQuery = graphql(`
  query PushKey($project: ID!) {
    project(id: $project) {
      pushKey
    }
  }
`);

export const registerPushMutation = graphql(`
  mutation RegisterPush($input: RegisterPushInput!) {
    registerPush(input: $input)
  }
`);

export const unregisterPushMutation = graphql(`
  mutation UnregisterPush($project: ID!, $endpoint: String!) {
    unregisterPush(project: $project, endpoint: $endpoint)
  }
`);
