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

export type Equipment = NonNullable<
  ResultOf<typeof equipmentQuery>['project']
>['equipment'][number];
export type EquipmentSpan = NonNullable<Equipment['span']>;
