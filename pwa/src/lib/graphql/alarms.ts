/** Alarms: the list and news of changes. */
import { graphql, type ResultOf } from './document.ts';

export const acknowledgement = graphql(`
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

export const alarm = graphql(
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

/** All that are open and the newest of any state. */
export const knownAlarmsQuery = graphql(
  `
    query KnownAlarms($project: ID!, $first: Int!) {
      project(id: $project) {
        open: alarms(open: true, first: 200) {
          ...AlarmParts
        }
        newest: alarms(first: $first) {
          ...AlarmParts
        }
      }
    }
  `,
  [alarm]
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
export type Acknowledgement = ResultOf<typeof acknowledgement>;
