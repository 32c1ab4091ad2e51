/** Equipment: its state now, its hours, starts and idling in a period, best month and twins. */
import { graphql, type ResultOf } from './document.ts';

export const equipmentQuery = graphql(`
  query Equipment($project: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      equipment {
        kind
        state
        standbyKw
        loadKw
        ratedKw
        dwellS
        twinGroup
        statusPoint
        meter {
          id
        }
        power {
          value
          at
        }
        node {
          id
          name {
            en
            zh
          }
        }
        loadRate(start: $start, end: $end)
        span(start: $start, end: $end) {
          offS
          idleS
          loadS
          unknownS
          starts
          idle
          idleCost
          idleShare
          resolutionS
        }
        specific(start: $start, end: $end) {
          value
          unit
          node {
            id
            name {
              en
              zh
            }
          }
        }
        bestMonth(before: $start) {
          start
          idleShare
        }
        twins {
          node {
            id
            name {
              en
              zh
            }
          }
          span(start: $start, end: $end) {
            idleShare
          }
        }
      }
    }
  }
`);

/** What may become equipment, and by which meter its power is told. */
export const candidatesQuery = graphql(`
  query EquipmentCandidates($project: ID!) {
    project(id: $project) {
      nodes {
        id
        name {
          en
          zh
        }
      }
      meters {
        id
        slug
        energy
        name {
          en
          zh
        }
      }
    }
  }
`);

export const defineEquipmentMutation = graphql(`
  mutation DefineEquipment($input: EquipmentInput!) {
    defineEquipment(input: $input) {
      kind
    }
  }
`);

export const removeEquipmentMutation = graphql(`
  mutation RemoveEquipment($project: ID!, $node: ID!) {
    removeEquipment(project: $project, node: $node)
  }
`);

export type Candidates = NonNullable<ResultOf<typeof candidatesQuery>['project']>;
export type Equipment = NonNullable<
  ResultOf<typeof equipmentQuery>['project']
>['equipment'][number];
export type EquipmentSpan = NonNullable<Equipment['span']>;
