/** Parts that several operations ask for. */
import { graphql, type ResultOf } from './document.ts';

export const figures = graphql(`
  fragment FiguresParts on Figures {
    start
    end
    energy
    unit
    quantity
    value
    kgce
    kgco2
    cost
    estimated
    quality
  }
`);

export const series = graphql(`
  fragment SeriesParts on Series {
    start
    end
    step
    starts
    unit
    values
    quality
    labels
  }
`);

export const demand = graphql(`
  fragment DemandParts on Demand {
    at
    windowMinutes
    stepMinutes
    contractKw
    limitKw
    currentKw
    forecastKw
    minutesToLimit
    shedKw
    monthMaxKw
    shed {
      powerKw
      maxMinutes
      node {
        id
        name {
          en
          zh
        }
      }
    }
  }
`);

export const importProgress = graphql(`
  fragment ImportParts on ImportProgress {
    id
    source
    state
    rowsTotal
    rowsDone
    rowsRejected
    error
  }
`);

export const liveValue = graphql(`
  fragment LiveParts on LiveValue {
    deviceId
    meterId
    key
    value
    unit
    quality
    at
  }
`);

export type Figures = ResultOf<typeof figures>;
export type Series = ResultOf<typeof series>;
export type Demand = ResultOf<typeof demand>;
export type ImportProgress = ResultOf<typeof importProgress>;
export type LiveValue = ResultOf<typeof liveValue>;
