/** What the More tab shows and does: tariff, notifications, the demo's story. */
import { graphql, type ResultOf } from './document.ts';

export const termsQuery = graphql(`
  query Terms($project: ID!, $energy: String!) {
    project(id: $project) {
      tariff(energy: $energy) {
        source
        confirmed
        name {
          en
          zh
        }
        bands {
          band
          price
          start
          end
        }
        now {
          band
          price
          end
        }
        next {
          band
          price
          start
        }
      }
    }
  }
`);

export const pushStateQuery = graphql(`
  query PushState($project: ID!, $endpoint: String!) {
    project(id: $project) {
      pushRegistered(endpoint: $endpoint)
    }
  }
`);

export const testPushMutation = graphql(`
  mutation TestPush($project: ID!) {
    testPush(project: $project)
  }
`);

export const playStoryMutation = graphql(`
  mutation PlayStory($project: ID!, $stop: Boolean!) {
    playStory(project: $project, stop: $stop)
  }
`);

export type Terms = NonNullable<ResultOf<typeof termsQuery>['project']>;
export type Tariff = NonNullable<Terms['tariff']>;
