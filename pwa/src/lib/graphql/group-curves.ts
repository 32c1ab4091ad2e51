/** One amount of a group's projects over months or days. */
import { graphql, type ResultOf } from './document.ts';

export const groupCurveQuery = graphql(`
  query GroupCurve(
    $group: ID!
    $period: Period!
    $last: Date!
    $count: Int!
    $by: Rollup!
    $energy: String
  ) {
    group(id: $group) {
      curve(period: $period, last: $last, count: $count, by: $by, energy: $energy) {
        id
        unit
        name {
          en
          zh
        }
        points {
          name
          now
          before
          why
          whole
          complete
        }
      }
    }
  }
`);

export type Line = NonNullable<ResultOf<typeof groupCurveQuery>['group']>['curve'][number];
export type Point = Line['points'][number];
