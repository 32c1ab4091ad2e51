/** The first screen, as a subscription and, for the first paint without a socket, as a query. */
import { graphql, type ResultOf } from './document.ts';
import { demand, figures, importProgress, series } from './fragments.ts';

const summary = graphql(
  `
    fragment SummaryParts on Summary {
      at
      node {
        id
        name {
          en
          zh
        }
      }
      today {
        ...FiguresParts
      }
      yesterday {
        ...FiguresParts
      }
      month {
        ...FiguresParts
      }
      energies {
        ...FiguresParts
      }
      totalKgce
      totalKgco2
      totalCost
      todaySeries {
        ...SeriesParts
      }
      yesterdaySeries {
        ...SeriesParts
      }
      monthSeries {
        ...SeriesParts
      }
      powerKw
      powerAt
      demand {
        ...DemandParts
      }
      top {
        powerKw
        share
        node {
          id
          name {
            en
            zh
          }
        }
      }
      openAlarms
      importProgress {
        ...ImportParts
      }
      accounting {
        hours
        oldestS
        rowsPerS
      }
      metersLive
      metersTotal
    }
  `,
  [figures, series, demand, importProgress]
);

export const summarySubscription = graphql(
  `
    subscription Summary($project: ID!) {
      summary(project: $project) {
        ...SummaryParts
      }
    }
  `,
  [summary]
);

/** `project` null asks for the one that the app opens by itself. */
export const firstScreenQuery = graphql(
  `
    query FirstScreen($project: ID) {
      project(id: $project) {
        id
        summary {
          ...SummaryParts
        }
      }
    }
  `,
  [summary]
);

export type Summary = ResultOf<typeof summary>;
