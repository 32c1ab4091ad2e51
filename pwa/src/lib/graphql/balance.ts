/** The balance of a place: in, out, loss, what explains it, and who is suspected. */
import { graphql, type ResultOf } from './document.ts';
import { importProgress } from './fragments.ts';

export const balanceTreesQuery = graphql(`
  query BalanceTrees($project: ID!) {
    project(id: $project) {
      trees {
        slug
      }
    }
  }
`);

export const balancePlacesQuery = graphql(`
  query BalancePlaces($project: ID!, $tree: String!) {
    project(id: $project) {
      nodes(tree: $tree) {
        id
        kind
        parentId
        energies
        name {
          en
          zh
        }
      }
    }
  }
`);

export const balanceQuery = graphql(
  `
    query Balance($project: ID!, $node: ID!, $energy: String!, $start: DateTime!, $end: DateTime!) {
      project(id: $project) {
        importProgress {
          ...ImportParts
        }
        accounting {
          hours
          oldestS
          rowsPerS
        }
        balance(node: $node, energy: $energy, start: $start, end: $end) {
          start
          end
          unit
          quarters
          openQuarters
          value
          openValue
          loss
          open
          transformer
          metering
          unmetered
          uncertainty
          within
          derived
          unclassed {
            id
            name {
              en
              zh
            }
          }
          parts {
            value
            open
            node {
              id
              name {
                en
                zh
              }
            }
          }
          suspicions {
            start
            end
            fault
            own
            factor
            factorError
            explained
            missingShare
            quarters
            since
            profile
            baseShare
            node {
              id
              name {
                en
                zh
              }
            }
            meters {
              id
              name {
                en
                zh
              }
            }
            mixups {
              configured
              installed
            }
          }
        }
      }
    }
  `,
  [importProgress]
);

export type Shown = NonNullable<ResultOf<typeof balanceQuery>['project']>;
export type Balance = NonNullable<Shown['balance']>;
export type Suspicion = Balance['suspicions'][number];
