// The entry point for React Native, whose engine has no WebAssembly: it fails on import, with the remedy.

throw new Error(
  "pullgate does not run in React Native, which has no WebAssembly: " +
    "send the request to the HTTP API of a daemon (`POST /v1/decide`)",
);
