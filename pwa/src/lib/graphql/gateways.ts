/** Gateways: how they are, their configuration versions, and whether their data are complete. */
import { graphql, type ResultOf } from './document.ts';

const gateway = graphql(`
  fragment GatewayParts on Gateway {
    id
    slug
    online
    lastSeenAt
    bornAt
    clockOffsetMs
    droppedTotal
    certificateUntil
    name {
      en
      zh
    }
    health {
      wire
      software
      diedAt
      backlog
      sequenceGaps
      rebirths
      devices
      devicesAlive
      configVersion
      configWanted
      configState
      configInForce
      grantedUntil
      dataBytes
      dataForecast
      dataBudget
      lines {
        name
        devices
        alive
        connected
        busyPercent
        late
        failed
      }
    }
  }
`);

export const fleetQuery = graphql(
  `
    query Fleet($project: ID!) {
      project(id: $project) {
        gateways {
          ...GatewayParts
        }
      }
    }
  `,
  [gateway]
);

export const gatewayQuery = graphql(
  `
    query Gateway($project: ID!, $gateway: ID!) {
      project(id: $project) {
        gateway(id: $gateway) {
          ...GatewayParts
          configs(first: 20) {
            version
            note
            createdAt
            state
            stateAt
            problems
            person {
              id
              name {
                en
                zh
              }
            }
          }
        }
        devices {
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
        }
        meters {
          id
          slug
          name {
            en
            zh
          }
        }
      }
    }
  `,
  [gateway]
);

export const configDiffsQuery = graphql(`
  query ConfigDiffs($project: ID!, $gateway: ID!) {
    project(id: $project) {
      gateway(id: $gateway) {
        configs(first: 20) {
          version
          diff
        }
      }
    }
  }
`);

export const rollBackMutation = graphql(`
  mutation RollBackConfig($project: ID!, $gateway: ID!, $version: Int!) {
    rollBackGatewayConfig(project: $project, gateway: $gateway, version: $version) {
      version
    }
  }
`);

export const gapsQuery = graphql(`
  query Gaps($project: ID!, $gateway: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      gapLedger(gateway: $gateway, start: $start, end: $end, all: true) {
        expected
        stored
        missing
        hours {
          meterId
          hour
          expected
          stored
          missing
        }
      }
    }
  }
`);

export type Gateway = ResultOf<typeof gateway>;
export type GatewayLine = NonNullable<Gateway['health']>['lines'][number];
export type GatewayPage = NonNullable<ResultOf<typeof gatewayQuery>['project']>;
export type GatewayConfig = NonNullable<GatewayPage['gateway']>['configs'][number];
export type GatewayDevice = GatewayPage['devices'][number];
export type GapLedger = NonNullable<ResultOf<typeof gapsQuery>['project']>['gapLedger'];
export type GapHour = GapLedger['hours'][number];
