/** Who did what. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

export const auditQuery = graphql(`
  query Audit($project: ID!, $before: Int, $filter: AuditFilter) {
    project(id: $project) {
      audit(first: 50, before: $before, filter: $filter) {
        number
        at
        actor
        action
        ref
        old
        new
        result
        person {
          login
          name {
            en
            zh
          }
        }
      }
      auditMonths {
        month
        first
        last
        bytes
        there
      }
    }
  }
`);

export const auditWholeQuery = graphql(`
  query AuditWhole($project: ID!) {
    project(id: $project) {
      auditBrokenAt
    }
  }
`);

export type AuditFilter = NonNullable<VariablesOf<typeof auditQuery>['filter']>;
export type Audit = NonNullable<ResultOf<typeof auditQuery>['project']>;
export type AuditEntry = Audit['audit'][number];
export type AuditMonth = Audit['auditMonths'][number];
