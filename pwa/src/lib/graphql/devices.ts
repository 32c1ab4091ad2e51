/** One device: its points, what may be set, and the commands it was given. */
import { graphql, type ResultOf } from './document.ts';
import { liveValue } from './fragments.ts';

const command = graphql(`
  fragment CommandParts on Command {
    id
    deviceId
    point
    unit
    value
    expectedOld
    notAfter
    createdAt
    state
    code
    oldValue
    readValue
    stateAt
    finishedAt
    person {
      id
      name {
        en
        zh
      }
    }
  }
`);

export const deviceQuery = graphql(
  `
    query Device($project: ID!, $device: ID!) {
      project(id: $project) {
        device(id: $device) {
          id
          slug
          gatewayId
          profile
          verified
          online
          meterIds
          name {
            en
            zh
          }
          values {
            ...LiveParts
          }
          writable {
            key
            unit
            low
            high
            step
          }
        }
        gateways {
          id
          slug
          online
          name {
            en
            zh
          }
        }
        meters {
          id
          name {
            en
            zh
          }
        }
        commands(first: 50, device: $device) {
          ...CommandParts
        }
      }
    }
  `,
  [liveValue, command]
);

export const writePointMutation = graphql(
  `
    mutation WritePoint($input: WritePointInput!) {
      writePoint(input: $input) {
        ...CommandParts
      }
    }
  `,
  [command]
);

export const commandsSubscription = graphql(
  `
    subscription Commands($project: ID!) {
      commands(project: $project) {
        ...CommandParts
      }
    }
  `,
  [command]
);

export type Command = ResultOf<typeof command>;
export type DevicePage = NonNullable<ResultOf<typeof deviceQuery>['project']>;
export type DeviceDetail = NonNullable<DevicePage['device']>;
export type WritablePoint = DeviceDetail['writable'][number];
