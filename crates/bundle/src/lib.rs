//! The guest programs of apps/, compiled to WebAssembly from source.
