/** Stocks: papers, book stock, consumption between counts, and how it is spread. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

export const stocksQuery = graphql(`
  query Stocks($project: ID!) {
    project(id: $project) {
      stocks {
        meterId
        name {
          en
          zh
        }
        energy
        unit
        units
        book
        countedAt
        rule {
          spreading
          perDay
        }
        intervals(first: 12) {
          start
          end
          opening
          delivered
          sold
          closing
          consumed
        }
        documents(first: 50) {
          id
          kind
          at
          quantity
          unit
          price
          calorificValue
          calorificUnit
          supplier
          reference
          note
          reversesId
          reversed
          person {
            name {
              en
              zh
            }
          }
        }
      }
    }
  }
`);

export const recordDocumentMutation = graphql(`
  mutation RecordDocument($project: ID!, $meter: ID!, $input: StockDocumentInput!) {
    recordStockDocument(project: $project, meter: $meter, input: $input) {
      meterId
    }
  }
`);

export const reverseDocumentMutation = graphql(`
  mutation ReverseDocument($project: ID!, $document: ID!, $instead: StockDocumentInput) {
    reverseStockDocument(project: $project, document: $document, instead: $instead) {
      meterId
    }
  }
`);

export const setStockRuleMutation = graphql(`
  mutation SetStockRule(
    $project: ID!
    $meter: ID!
    $spreading: StockSpreading!
    $node: ID
    $profile: ID
    $perDay: Decimal
  ) {
    setStockRule(
      project: $project
      meter: $meter
      spreading: $spreading
      node: $node
      profile: $profile
      perDay: $perDay
    ) {
      meterId
    }
  }
`);

type StocksPage = NonNullable<ResultOf<typeof stocksQuery>['project']>;
export type Stock = StocksPage['stocks'][number];
export type StockDocument = Stock['documents'][number];
export type StockInterval = Stock['intervals'][number];
export type StockKind = StockDocument['kind'];
export type DocumentInput = VariablesOf<typeof recordDocumentMutation>['input'];
