/** What a figure stands on: the data quality score, its shares, and the gaps with their causes. */
import { graphql, type ResultOf } from './document.ts';

export const qualityQuery = graphql(`
  query DataQuality(
    $project: ID!
    $scope: ID!
    $energy: String!
    $start: DateTime!
    $end: DateTime!
  ) {
    project(id: $project) {
      dataQuality(scope: $scope, energy: $energy, start: $start, end: $end) {
        score
        gapCount
        shares {
          aspect
          weight
          numerator
          denominator
        }
        meters {
          score
          meter {
            id
            name {
              en
              zh
            }
          }
        }
        gaps {
          start
          end
          kind
          cause
          meter {
            id
            name {
              en
              zh
            }
          }
        }
      }
    }
  }
`);

export type DataQuality = NonNullable<ResultOf<typeof qualityQuery>['project']>['dataQuality'];
export type QualityShare = DataQuality['shares'][number];
export type AccountGap = DataQuality['gaps'][number];
