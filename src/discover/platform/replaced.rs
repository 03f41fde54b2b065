//! Nodes that have no kube-proxy because something else does its work.
