/** What members hand to each other for a while. */
import { graphql, type ResultOf } from './document.ts';

export const delegationsQuery = graphql(`
  query Delegations($project: ID!) {
    project(id: $project) {
      nodes {
        id
        parentId
        name {
          en
          zh
        }
      }
      delegations {
        id
        permissions
        start
        end
        note
        giver {
          name {
            en
            zh
          }
        }
        taker {
          name {
            en
            zh
          }
        }
        part {
          name {
            en
            zh
          }
        }
      }
    }
  }
`);

export const handOverMutation = graphql(`
  mutation HandOver($input: DelegationInput!) {
    handOver(input: $input) {
      id
    }
  }
`);

export const endDelegationMutation = graphql(`
  mutation EndDelegation($project: ID!, $id: ID!) {
    endDelegation(project: $project, id: $id) {
      id
    }
  }
`);

export type Handed = NonNullable<ResultOf<typeof delegationsQuery>['project']>;
export type Delegation = Handed['delegations'][number];
