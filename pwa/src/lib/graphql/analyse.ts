/** Series, calendar periods and rankings for the analysis screen. */
import { graphql, type ResultOf } from './document.ts';
import { figures, series } from './fragments.ts';

export const placesQuery = graphql(`
  query Places($project: ID!) {
    project(id: $project) {
      nodes {
        id
        kind
        parentId
        energies
        name {
          en
          zh
        }
      }
    }
  }
`);

export const periodsQuery = graphql(`
  query Periods($project: ID!, $period: Period!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      periods(period: $period, start: $start, end: $end) {
        start
        end
        label
      }
    }
  }
`);

export const seriesQuery = graphql(
  `
    query Series(
      $project: ID!
      $scope: ID!
      $energy: String!
      $measure: Measure!
      $period: Period!
      $whole: Period!
      $start: DateTime!
      $end: DateTime!
    ) {
      project(id: $project) {
        series(
          scope: $scope
          energy: $energy
          measure: $measure
          period: $period
          start: $start
          end: $end
        ) {
          ...SeriesParts
        }
        total: series(
          scope: $scope
          energy: $energy
          measure: $measure
          period: $whole
          start: $start
          end: $end
        ) {
          ...SeriesParts
        }
      }
    }
  `,
  [series]
);

export const rankingQuery = graphql(
  `
    query Ranking($project: ID!, $parent: ID, $energy: String!, $period: Period!, $at: DateTime) {
      project(id: $project) {
        ranking(parent: $parent, energy: $energy, period: $period, at: $at) {
          share
          node {
            id
            name {
              en
              zh
            }
          }
          figures {
            ...FiguresParts
          }
        }
      }
    }
  `,
  [figures]
);

export type Place = NonNullable<ResultOf<typeof placesQuery>['project']>['nodes'][number];
export type CalendarPeriod = NonNullable<
  ResultOf<typeof periodsQuery>['project']
>['periods'][number];
export type RankingRow = NonNullable<ResultOf<typeof rankingQuery>['project']>['ranking'][number];
