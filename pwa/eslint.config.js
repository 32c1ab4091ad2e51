import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import globals from 'globals';
import { defineConfig } from 'eslint/config';
import ts from 'typescript-eslint';

export default defineConfig(
  {
    ignores: ['build/', '.svelte-kit/', 'node_modules/', 'src/lib/graphql/schema.d.ts']
  },
  js.configs.recommended,
  ts.configs.recommended,
  svelte.configs.recommended,
  {
    languageOptions: {
      parserOptions: { extraFileExtensions: ['.svelte'] },
      globals: { ...globals.browser, ...globals.node }
    },
    rules: {
      'max-lines': ['error', { max: 250, skipBlankLines: false }],
      complexity: ['error', 10],
      'no-console': 'error',
      'no-undef': 'off',
      'svelte/no-navigation-without-resolve': 'off',
      // Maps are replaced, never changed, under $state.raw.
      'svelte/prefer-svelte-reactivity': 'off'
    }
  },
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { parserOptions: { parser: ts.parser } }
  },
  {
    files: ['scripts/**', 'tests/**'],
    rules: { 'no-console': 'off', 'max-lines': 'off', complexity: 'off' }
  }
);
