/** Shared devices: enrolling, taking and leaving them, and looking after them. */
import { graphql, type ResultOf } from './document.ts';
import { rolesAndParts } from './roles.ts';

export const postQuery = graphql(`
  query Post {
    post {
      name
      idleS
      people {
        id
        name {
          en
          zh
        }
      }
    }
  }
`);

export const enrolDeviceMutation = graphql(`
  mutation EnrolDevice($code: String!) {
    enrolDevice(code: $code) {
      name
      idleS
    }
  }
`);

export const takePostMutation = graphql(`
  mutation TakePost($input: TakeInput!) {
    takePost(input: $input) {
      tap
    }
  }
`);

export const stayMutation = graphql(`
  mutation StayAtPost {
    stayAtPost
  }
`);

export const setPinMutation = graphql(`
  mutation SetPin($pin: String!) {
    setPin(pin: $pin)
  }
`);

export const postsQuery = graphql(
  `
    query Posts($project: ID!) {
      now
      project(id: $project) {
        ...RolesAndParts
        sharedDevices {
          id
          name
          role
          codeExpiresAt
          enrolledAt
          revokedAt
          heldSince
          holder {
            login
            name {
              en
              zh
            }
          }
          part {
            name {
              en
              zh
            }
          }
        }
        takingMeans {
          badgeSince
          pinSince
          person {
            id
            login
            name {
              en
              zh
            }
          }
        }
      }
    }
  `,
  [rolesAndParts]
);

export const makeDeviceMutation = graphql(`
  mutation MakeSharedDevice($input: SharedDeviceInput!) {
    makeSharedDevice(input: $input) {
      code
      link
      qr
      qrSize
    }
  }
`);

export const freeDeviceMutation = graphql(`
  mutation FreeSharedDevice($project: ID!, $id: ID!) {
    freeSharedDevice(project: $project, id: $id) {
      id
    }
  }
`);

export const endDeviceMutation = graphql(`
  mutation EndSharedDevice($project: ID!, $id: ID!) {
    endSharedDevice(project: $project, id: $id) {
      id
    }
  }
`);

export const makeBadgeMutation = graphql(`
  mutation MakeBadge($project: ID!, $person: ID!) {
    makeBadge(project: $project, person: $person) {
      qr
      qrSize
    }
  }
`);

export const endBadgeMutation = graphql(`
  mutation EndBadge($project: ID!, $person: ID!) {
    endBadge(project: $project, person: $person)
  }
`);

export type Post = NonNullable<ResultOf<typeof postQuery>['post']>;
type Asked = ResultOf<typeof postsQuery>;
export type PostsPage = NonNullable<Asked['project']>;
export type SharedDevice = PostsPage['sharedDevices'][number];
export type Means = PostsPage['takingMeans'][number];
export type NewDevice = ResultOf<typeof makeDeviceMutation>['makeSharedDevice'];
export type NewBadge = ResultOf<typeof makeBadgeMutation>['makeBadge'];
