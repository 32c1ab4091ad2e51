"""How people prove who they are: passkeys, second factors, and providers who say so."""
