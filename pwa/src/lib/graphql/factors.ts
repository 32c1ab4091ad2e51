/** Conversion factors with their versions. */
import { graphql, type ResultOf } from './document.ts';

export const factorsQuery = graphql(`
  query Factors($project: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      factors {
        id
        energy
        substance
        value
        basis
        scope
        source
        validFrom
        validTo
        confirmed
        confirmedAt
        confirmedBy {
          login
          name {
            en
            zh
          }
        }
      }
      periods(period: DAY, start: $start, end: $end) {
        start
      }
    }
  }
`);

export type FactorsPage = NonNullable<ResultOf<typeof factorsQuery>['project']>;
export type Factor = FactorsPage['factors'][number];
