/** One alarm with its history, what to stop, and what taking it saved. */
import { acknowledgement, alarm } from './alarms.ts';
import { graphql, type ResultOf } from './document.ts';

const alarmDetail = graphql(
  `
    fragment AlarmDetailParts on Alarm {
      ...AlarmParts
      acks {
        ...AckParts
      }
      transitions {
        step
        state
        cause
        at
        person {
          id
          name {
            en
            zh
          }
        }
      }
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
      avoided {
        amount
        currency
        forecastKw
        peakKw
        limitKw
        pricePerKw
        confirmed
      }
    }
  `,
  [alarm, acknowledgement]
);

export const alarmQuery = graphql(
  `
    query Alarm($project: ID!, $alarm: ID!) {
      project(id: $project) {
        alarm(id: $alarm) {
          ...AlarmDetailParts
        }
      }
    }
  `,
  [alarmDetail]
);

export type AlarmDetail = ResultOf<typeof alarmDetail>;
