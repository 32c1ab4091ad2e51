/** Changes with effect in the past: proposed, measured, decided, applied. */
import { graphql, type ResultOf } from './document.ts';

const restatement = graphql(`
  fragment RestatementParts on Restatement {
    id
    version
    state
    kind
    params
    reason
    start
    end
    proposedAt
    proposedBy {
      name {
        en
        zh
      }
    }
    decidedAt
    decidedBy {
      name {
        en
        zh
      }
    }
    answer
    appliedAt
    progress
    fault
  }
`);

export const restatementsQuery = graphql(
  `
    query Restatements($project: ID!) {
      project(id: $project) {
        restatements {
          ...RestatementParts
        }
      }
    }
  `,
  [restatement]
);

export const restatementQuery = graphql(
  `
    query Restatement($project: ID!, $id: ID!) {
      project(id: $project) {
        restatement(id: $id) {
          ...RestatementParts
          mayApprove
          mayTakeBack
          difference {
            scope
            meter
            name {
              en
              zh
            }
            energy
            unit
            month
            start
            old {
              value
              quantity
              kgce
              kgco2
              cost
            }
            new {
              value
              quantity
              kgce
              kgco2
              cost
            }
          }
        }
      }
    }
  `,
  [restatement]
);

export const restatementKindsQuery = graphql(`
  query RestatementKinds($project: ID!) {
    project(id: $project) {
      restatementKinds {
        name
        schema
      }
    }
  }
`);

export const proposeMutation = graphql(`
  mutation ProposeRestatement($project: ID!, $kind: String!, $params: JSON!, $reason: String!) {
    proposeRestatement(
      input: { project: $project, kind: $kind, params: $params, reason: $reason }
    ) {
      id
    }
  }
`);

export const approveMutation = graphql(`
  mutation ApproveRestatement($project: ID!, $id: ID!) {
    approveRestatement(project: $project, id: $id) {
      id
      state
    }
  }
`);

export const rejectMutation = graphql(`
  mutation RejectRestatement($project: ID!, $id: ID!, $reason: String!) {
    rejectRestatement(project: $project, id: $id, reason: $reason) {
      id
      state
    }
  }
`);

export const restatementsSubscription = graphql(`
  subscription RestatementsChanged($project: ID!) {
    restatements(project: $project) {
      id
      state
    }
  }
`);

type Asked = NonNullable<ResultOf<typeof restatementQuery>['project']>;
export type Restatement = NonNullable<
  ResultOf<typeof restatementsQuery>['project']
>['restatements'][number];
export type RestatementDetail = NonNullable<Asked['restatement']>;
export type Moved = NonNullable<RestatementDetail['difference']>[number];
export type RestatementKind = NonNullable<
  ResultOf<typeof restatementKindsQuery>['project']
>['restatementKinds'][number];
