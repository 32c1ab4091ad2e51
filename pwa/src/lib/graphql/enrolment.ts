/** Letting gateways in by a one-time code, and out. */
import { graphql, type ResultOf } from './document.ts';

export const enrolmentEventsQuery = graphql(`
  query EnrolmentEvents($project: ID!) {
    project(id: $project) {
      enrolmentEvents {
        gatewayId
        gateway
        what
        at
        login
        address
        detail
      }
    }
  }
`);

export const createCodeMutation = graphql(`
  mutation CreateEnrolmentCode($project: ID!, $gateway: String!, $name: String) {
    createEnrolmentCode(input: { project: $project, gateway: $gateway, name: $name }) {
      code
      validUntil
      command
      gateway {
        id
        slug
      }
    }
  }
`);

export const revokeMutation = graphql(`
  mutation RevokeGateway($project: ID!, $gateway: String!) {
    revokeGateway(project: $project, gateway: $gateway) {
      id
      certificateUntil
    }
  }
`);

export type EnrolmentEvent = NonNullable<
  ResultOf<typeof enrolmentEventsQuery>['project']
>['enrolmentEvents'][number];
export type EnrolmentCode = ResultOf<typeof createCodeMutation>['createEnrolmentCode'];
