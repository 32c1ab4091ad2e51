/** Alarms: the list, one with its history, news of changes, and taking one. */
import { graphql, type ResultOf } from './document.ts';

const acknowledgement = graphql(`
  fragment AckParts on Acknowledgement {
    at
    receivedAt
    channel
    result
    person {
      id
      name {
        en
        zh
      }
    }
  }
`);

const alarm = graphql(
  `
    fragment AlarmParts on Alarm {
      id
      kind
      priority
      state
      raisedAt
      clearedAt
      params
      definition {
        en
        zh
      }
      node {
        id
        name {
          en
          zh
        }
      }
      meter {
        id
        name {
          en
          zh
        }
      }
      ack {
        ...AckParts
      }
    }
  `,
  [acknowledgement]
);

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

export const alarmsQuery = graphql(
  `
    query Alarms($project: ID!, $first: Int!, $before: DateTime) {
      project(id: $project) {
        alarms(first: $first, before: $before) {
          ...AlarmParts
        }
      }
    }
  `,
  [alarm]
);

export const openAlarmsQuery = graphql(
  `
    query OpenAlarms($project: ID!) {
      project(id: $project) {
        alarms(open: true, first: 200) {
          ...AlarmParts
        }
      }
    }
  `,
  [alarm]
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

export const alarmsSubscription = graphql(
  `
    subscription AlarmChanges($project: ID!) {
      alarms(project: $project) {
        ...AlarmParts
      }
    }
  `,
  [alarm]
);

export type Alarm = ResultOf<typeof alarm>;
export type AlarmDetail = ResultOf<typeof alarmDetail>;
export type Acknowledgement = ResultOf<typeof acknowledgement>;
