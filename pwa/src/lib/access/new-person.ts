/** What somebody who comes new tells of themselves. */
export interface NewPerson {
  name: string;
  login: string;
  password: string;
}

export const NOBODY: Readonly<NewPerson> = { name: '', login: '', password: '' };
