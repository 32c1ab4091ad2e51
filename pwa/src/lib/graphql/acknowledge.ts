/** Taking an alarm: the one operation that page and service worker share. */
import { graphql, type ResultOf, type VariablesOf } from './document.ts';

export const acknowledgeMutation = graphql(`
  mutation Acknowledge($input: AcknowledgeInput!) {
    acknowledge(input: $input) {
      result
      effectiveAt
      alarm {
        id
        state
      }
    }
  }
`);

export type AcknowledgeInput = VariablesOf<typeof acknowledgeMutation>['input'];
export type AcknowledgePayload = ResultOf<typeof acknowledgeMutation>['acknowledge'];
