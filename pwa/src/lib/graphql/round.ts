/** Registers that people read: the round, what a reading would mean, keeping and withdrawing it. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

const register = graphql(`
  fragment HandRegisterRow on HandRegister {
    meterId
    name {
      en
      zh
    }
    energy
    unit
    energyUnit
    lastAt
    lastValue
    dueAt
    wraps
    readings(first: 10) {
      id
      at
      value
      note
      withdrawn
      person {
        name {
          en
          zh
        }
      }
    }
  }
`);

export const roundQuery = graphql(
  `
    query Round($project: ID!) {
      project(id: $project) {
        handRegisters {
          ...HandRegisterRow
        }
      }
    }
  `,
  [register]
);

export const checkReadingQuery = graphql(`
  query CheckReading(
    $project: ID!
    $meter: ID!
    $at: DateTime!
    $value: Decimal!
    $answer: HandAnswer
  ) {
    project(id: $project) {
      handRegister(meter: $meter) {
        check(at: $at, value: $value, answer: $answer) {
          difference
          most
          questions
        }
      }
    }
  }
`);

export const enterReadingMutation = graphql(`
  mutation EnterReading($project: ID!, $meter: ID!, $input: HandReadingInput!) {
    enterHandReading(project: $project, meter: $meter, input: $input) {
      kept
      questions
    }
  }
`);

export const withdrawReadingMutation = graphql(`
  mutation WithdrawReading($project: ID!, $reading: ID!) {
    withdrawHandReading(project: $project, reading: $reading) {
      kept
    }
  }
`);

type RoundPage = NonNullable<ResultOf<typeof roundQuery>['project']>;
export type HandRegister = RoundPage['handRegisters'][number];
export type HandReading = HandRegister['readings'][number];
type Checked = NonNullable<ResultOf<typeof checkReadingQuery>['project']>['handRegister'];
export type HandCheck = NonNullable<Checked>['check'];
export type HandQuestion = HandCheck['questions'][number];
export type HandAnswer = NonNullable<VariablesOf<typeof checkReadingQuery>['answer']>;
