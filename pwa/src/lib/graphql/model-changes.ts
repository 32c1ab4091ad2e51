/** Changing the plant's model. */
import { graphql, type ResultOf } from './document.ts';

/** From where a new meter may be read: devices with their points as they stand. */
export const originsQuery = graphql(`
  query Origins($project: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      devices {
        id
        slug
        name {
          en
          zh
        }
        values {
          key
          value
          unit
        }
      }
      periods(period: DAY, start: $start, end: $end) {
        start
      }
    }
  }
`);

export const createNodeMutation = graphql(`
  mutation CreateNode($input: NodeInput!) {
    createNode(input: $input) {
      id
    }
  }
`);

export const changeNodeMutation = graphql(`
  mutation ChangeNode($input: NodeChangeInput!) {
    changeNode(input: $input) {
      id
    }
  }
`);

export const moveNodeMutation = graphql(`
  mutation MoveNode($project: ID!, $node: ID!, $to: ID) {
    moveNode(project: $project, node: $node, to: $to) {
      id
    }
  }
`);

export const endNodeMutation = graphql(`
  mutation EndNode($project: ID!, $node: ID!) {
    endNode(project: $project, node: $node) {
      id
    }
  }
`);

export const changeMeterMutation = graphql(`
  mutation ChangeMeter($project: ID!, $meter: ID!, $name: NameInput, $traits: TraitsInput!) {
    changeMeter(project: $project, meter: $meter, name: $name, traits: $traits) {
      id
    }
  }
`);

export const createMeterMutation = graphql(`
  mutation CreateMeter($input: MeterInput!) {
    createMeter(input: $input) {
      id
    }
  }
`);

export const endMeterMutation = graphql(`
  mutation EndMeter($project: ID!, $meter: ID!) {
    endMeter(project: $project, meter: $meter) {
      validTo
    }
  }
`);

export const setConversionMutation = graphql(`
  mutation SetConversion($input: ConversionInput!) {
    setConversion(input: $input) {
      id
    }
  }
`);

export const endConversionMutation = graphql(`
  mutation EndConversion($project: ID!, $conversion: ID!) {
    endConversion(project: $project, conversion: $conversion) {
      validTo
    }
  }
`);

export const setMembershipMutation = graphql(`
  mutation SetMembership($input: MembershipInput!) {
    setMembership(input: $input) {
      validFrom
    }
  }
`);

export const endMembershipMutation = graphql(`
  mutation EndMembership($project: ID!, $node: ID!, $meter: ID!, $validFrom: DateTime!) {
    endMembership(project: $project, node: $node, meter: $meter, validFrom: $validFrom) {
      validTo
    }
  }
`);

export const setFactorMutation = graphql(`
  mutation SetFactor($input: FactorInput!) {
    setFactor(input: $input) {
      id
    }
  }
`);

export const confirmFactorMutation = graphql(`
  mutation ConfirmFactor($project: ID!, $factor: ID!) {
    confirmFactor(project: $project, factor: $factor) {
      id
    }
  }
`);

export type Origins = NonNullable<ResultOf<typeof originsQuery>['project']>;
