// A stand-in for the data source plugin dsosds: grafana can load it (AMD), and it shows nothing.
/** @type {any} */ (globalThis).define([], () => ({ plugin: {} }));
