/** The plant's model: trees and places, meters, what counts where, and conversions. */
import { graphql, type ResultOf } from './document.ts';

const place = graphql(`
  fragment PlaceParts on Node {
    id
    slug
    tree
    kind
    level
    major
    parentId
    validTo
    name {
      en
      zh
    }
  }
`);

const described = graphql(`
  fragment DescribedParts on Meter {
    id
    slug
    energy
    unit
    source
    expression
    registerName
    level
    accuracy
    nameplate
    ownProduct
    role
    validFrom
    validTo
    name {
      en
      zh
    }
  }
`);

const counted = graphql(`
  fragment CountedParts on Membership {
    nodeId
    tree
    meterId
    energy
    coefficient
    nodeName {
      en
      zh
    }
    validFrom
    validTo
  }
`);

export const treesQuery = graphql(
  `
    query Trees($project: ID!, $tree: String!) {
      project(id: $project) {
        trees {
          slug
          kind
          nodeKinds
          name {
            en
            zh
          }
        }
        nodes(tree: $tree) {
          ...PlaceParts
        }
      }
    }
  `,
  [place]
);

export const placeQuery = graphql(
  `
    query Place($project: ID!, $node: ID!, $start: DateTime!, $end: DateTime!) {
      project(id: $project) {
        trees {
          slug
          kind
          nodeKinds
          name {
            en
            zh
          }
        }
        node(id: $node) {
          ...PlaceParts
        }
        memberships(node: $node) {
          ...CountedParts
        }
        meters(ended: true) {
          ...DescribedParts
        }
        conversions(node: $node) {
          id
          kind
          inputIds
          outputIds
          params {
            name
            value
          }
          validFrom
          validTo
        }
        conversionKinds {
          code
          inputStates
          outputStates
          params
          paramsOptional
        }
        periods(period: DAY, start: $start, end: $end) {
          start
        }
      }
    }
  `,
  [place, counted, described]
);

export const figuresQuery = graphql(`
  query PlaceFigures($project: ID!, $node: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      comprehensive(node: $node, start: $start, end: $end) {
        kgce
        terms {
          meterId
          energy
          unit
          value
          kgce
          why
        }
      }
      efficiencies(node: $node, period: DAY, start: $start, end: $end) {
        start
        efficiency
        specific
        loadRate
        peakLoadRate
        bestLoadRate
        loss
        conversion {
          id
          kind
        }
      }
    }
  }
`);

export const metersQuery = graphql(
  `
    query Meters($project: ID!) {
      project(id: $project) {
        meters(ended: true) {
          ...DescribedParts
        }
      }
    }
  `,
  [described]
);

export const describedQuery = graphql(
  `
    query Described($project: ID!, $meter: ID!) {
      project(id: $project) {
        meter(id: $meter) {
          ...DescribedParts
        }
        memberships(meter: $meter) {
          ...CountedParts
        }
        trees {
          slug
          name {
            en
            zh
          }
        }
      }
    }
  `,
  [described, counted]
);

export const supplyQuery = graphql(`
  query Supply($project: ID!, $start: DateTime!, $end: DateTime!) {
    project(id: $project) {
      day: supply(period: DAY, start: $start, end: $end) {
        ...SupplyParts
      }
      month: supply(period: MONTH, start: $start, end: $end) {
        ...SupplyParts
      }
    }
  }
  fragment SupplyParts on SupplyBalance {
    unit
    slots
    missing
    consumptionValue
    selfUse
    selfSufficiency
    parts {
      role
      value
    }
  }
`);

export type TreesPage = NonNullable<ResultOf<typeof treesQuery>['project']>;
export type Tree = TreesPage['trees'][number];
export type Place = TreesPage['nodes'][number];
export type PlacePage = NonNullable<ResultOf<typeof placeQuery>['project']>;
export type Counted = PlacePage['memberships'][number];
export type Described = PlacePage['meters'][number];
export type Conversion = PlacePage['conversions'][number];
export type ConversionKind = PlacePage['conversionKinds'][number];
export type PlaceFigures = NonNullable<ResultOf<typeof figuresQuery>['project']>;
export type MetersPage = NonNullable<ResultOf<typeof metersQuery>['project']>;
export type DescribedPage = NonNullable<ResultOf<typeof describedQuery>['project']>;
export type SupplyPage = NonNullable<ResultOf<typeof supplyQuery>['project']>;
