//! What a node is made of, as data: mounts, files, links, environment.
