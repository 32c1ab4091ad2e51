/** The plant's calendar: states, shift patterns, where periods begin, states by file. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

export const calendarQuery = graphql(`
  query Calendar(
    $project: ID!
    $node: ID!
    $first: Date!
    $last: Date!
    $start: DateTime!
    $end: DateTime!
  ) {
    project(id: $project) {
      calendar {
        days(node: $node, first: $first, last: $last) {
          day
          springFestival
          holiday {
            en
            zh
          }
          stretches {
            start
            end
            state
            origin
            entryId
            deEnergised
            note
          }
        }
        states(scope: $node, start: $start, end: $end) {
          id
          nodeId
          state
          start
          end
          firstDay
          lastDay
          deEnergised
          note
          source
        }
        patterns(node: $node) {
          id
          validFrom
          validTo
          name {
            en
            zh
          }
          rule {
            slots {
              name
              start
              end
            }
          }
        }
        shifts(node: $node, start: $start, end: $end) {
          start
          end
          shift
          team
          day
        }
      }
    }
  }
`);

export const calendarFrameQuery = graphql(`
  query CalendarFrame($project: ID!) {
    project(id: $project) {
      nodes {
        id
        parentId
        kind
        name {
          en
          zh
        }
      }
      calendar {
        settings {
          dayStartMinute
          weekStart
          monthStartDay
          yearStartMonth
          calendar
          restWeekdays
          regroupingS
        }
        statutory {
          code
          name {
            en
            zh
          }
          years {
            year
            source {
              en
              zh
            }
            confirmed
          }
        }
        readyPatterns {
          code
          name {
            en
            zh
          }
          rule {
            slots {
              name
              start
              end
            }
          }
        }
      }
    }
  }
`);

export const enterStateMutation = graphql(`
  mutation EnterState($project: ID!, $node: ID!, $state: StateInput!) {
    enterState(project: $project, node: $node, state: $state) {
      id
    }
  }
`);

export const removeStateMutation = graphql(`
  mutation RemoveState($project: ID!, $id: ID!) {
    removeState(project: $project, id: $id)
  }
`);

export const usePatternMutation = graphql(`
  mutation UseReadyPattern($project: ID!, $node: ID!, $code: String!, $from: Date!) {
    useReadyPattern(project: $project, node: $node, code: $code, validFrom: $from) {
      id
    }
  }
`);

export const endPatternMutation = graphql(`
  mutation EndShiftPattern($project: ID!, $id: ID!, $to: Date!) {
    endShiftPattern(project: $project, id: $id, validTo: $to) {
      id
    }
  }
`);

export const removePatternMutation = graphql(`
  mutation RemoveShiftPattern($project: ID!, $id: ID!) {
    removeShiftPattern(project: $project, id: $id)
  }
`);

export const changeCalendarMutation = graphql(`
  mutation ChangeCalendar($project: ID!, $calendar: CalendarInput!) {
    changeCalendar(project: $project, calendar: $calendar) {
      regroupingS
    }
  }
`);

export const importStatesMutation = graphql(`
  mutation ImportStates(
    $project: ID!
    $node: ID!
    $file: String!
    $state: State
    $dryRun: Boolean!
    $keepRest: Boolean!
  ) {
    importStates(
      project: $project
      node: $node
      file: $file
      state: $state
      dryRun: $dryRun
      keepRest: $keepRest
    ) {
      kept
      known
      states {
        row
        nodeId
        state
        firstDay
        lastDay
        start
        end
        note
      }
      faults {
        row
        field
        code
        params
      }
    }
  }
`);

type Project<T> = NonNullable<T>;
export type CalendarFrame = Project<ResultOf<typeof calendarFrameQuery>['project']>;
export type CalendarMonth = Project<ResultOf<typeof calendarQuery>['project']>['calendar'];
export type CalendarDay = CalendarMonth['days'][number];
export type Entry = CalendarMonth['states'][number];
export type State = Entry['state'];
export type Pattern = CalendarMonth['patterns'][number];
export type Settings = CalendarFrame['calendar']['settings'];
export type Imported = ResultOf<typeof importStatesMutation>['importStates'];
export type StateInput = VariablesOf<typeof enterStateMutation>['state'];
