/** Device profiles that the project brought itself, and who uses them. */
import { graphql, type ResultOf } from './document.ts';

export const profilesQuery = graphql(`
  query Profiles($project: ID!) {
    project(id: $project) {
      profiles {
        name
        hash
        text
        uploadedAt
      }
      devices {
        id
        slug
        gatewayId
        profile
      }
      gateways {
        id
        slug
        name {
          en
          zh
        }
      }
    }
  }
`);

export const uploadProfileMutation = graphql(`
  mutation UploadProfile($project: ID!, $name: String!, $text: String!) {
    uploadProfile(project: $project, name: $name, text: $text) {
      gatewayIds
      profile {
        name
      }
    }
  }
`);

export const removeProfileMutation = graphql(`
  mutation RemoveProfile($project: ID!, $name: String!) {
    removeProfile(project: $project, name: $name)
  }
`);

export type ProfilesPage = NonNullable<ResultOf<typeof profilesQuery>['project']>;
export type DeviceProfile = ProfilesPage['profiles'][number];
