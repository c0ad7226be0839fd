//! The tools found on a node, by the name they are called by (argv[0]).
