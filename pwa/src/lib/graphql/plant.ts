/** The plant's tree, meters, devices and gateways, and their live values. */
import { graphql, type ResultOf } from './document.ts';
import { figures, liveValue } from './fragments.ts';

const meterCard = graphql(
  `
    fragment MeterParts on Meter {
      id
      slug
      energy
      unit
      powerUnit
      level
      nodeIds
      name {
        en
        zh
      }
      device {
        id
        profile
        verified
        online
      }
      register {
        ...LiveParts
      }
      power {
        ...LiveParts
      }
    }
  `,
  [liveValue]
);

export const plantQuery = graphql(
  `
    query Plant($project: ID!) {
      project(id: $project) {
        nodes {
          id
          kind
          parentId
          energies
          meterIds
          powerKw
          name {
            en
            zh
          }
        }
        meters {
          ...MeterParts
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
        gateways {
          id
          slug
          online
          lastSeenAt
          bornAt
          clockOffsetMs
          droppedTotal
          name {
            en
            zh
          }
        }
      }
    }
  `,
  [meterCard]
);

export const meterQuery = graphql(
  `
    query Meter($project: ID!, $meter: ID!) {
      project(id: $project) {
        meter(id: $meter) {
          ...MeterParts
          values {
            ...LiveParts
          }
          today {
            ...FiguresParts
          }
        }
      }
    }
  `,
  [meterCard, liveValue, figures]
);

export const liveSubscription = graphql(
  `
    subscription Live($project: ID!, $devices: [ID!], $keys: [String!]) {
      live(project: $project, devices: $devices, keys: $keys) {
        at
        values {
          ...LiveParts
        }
      }
    }
  `,
  [liveValue]
);

export const nodePowersSubscription = graphql(`
  subscription NodePowers($project: ID!) {
    nodePowers(project: $project) {
      id
      powerKw
    }
  }
`);

export type Plant = NonNullable<ResultOf<typeof plantQuery>['project']>;
export type PlantNode = Plant['nodes'][number];
export type Meter = Plant['meters'][number];
export type Device = Plant['devices'][number];
export type Gateway = Plant['gateways'][number];
export type MeterDetail = NonNullable<NonNullable<ResultOf<typeof meterQuery>['project']>['meter']>;
