/** Webhooks: where events of the project are told by HTTP, and what became of each. */
import { graphql, type ResultOf } from './document.ts';

export const webhooksQuery = graphql(`
  query Webhooks($project: ID!) {
    project(id: $project) {
      webhookHosts
      webhooks {
        id
        url
        kinds
        pending
        dead
        error
        createdBy {
          login
        }
      }
    }
  }
`);

export const deliveriesQuery = graphql(`
  query WebhookDeliveries($project: ID!, $webhook: ID!) {
    project(id: $project) {
      webhookDeliveries(webhook: $webhook) {
        id
        kind
        ref
        at
        state
        tries
        nextAt
        error
      }
    }
  }
`);

export const makeWebhookMutation = graphql(`
  mutation MakeWebhook($input: WebhookInput!) {
    makeWebhook(input: $input) {
      signingKey
    }
  }
`);

export const changeWebhookMutation = graphql(`
  mutation ChangeWebhook($id: ID!, $input: WebhookInput!) {
    changeWebhook(id: $id, input: $input) {
      id
    }
  }
`);

export const rotateWebhookKeyMutation = graphql(`
  mutation RotateWebhookKey($project: ID!, $id: ID!) {
    rotateWebhookKey(project: $project, id: $id) {
      signingKey
    }
  }
`);

export const endWebhookMutation = graphql(`
  mutation EndWebhook($project: ID!, $id: ID!) {
    endWebhook(project: $project, id: $id)
  }
`);

export const replayWebhookMutation = graphql(`
  mutation ReplayWebhook($project: ID!, $id: ID!, $delivery: ID) {
    replayWebhook(project: $project, id: $id, delivery: $delivery)
  }
`);

export type WebhooksPage = NonNullable<ResultOf<typeof webhooksQuery>['project']>;
export type Webhook = WebhooksPage['webhooks'][number];
export type WebhookKind = Webhook['kinds'][number];
export type Delivery = NonNullable<
  ResultOf<typeof deliveriesQuery>['project']
>['webhookDeliveries'][number];
