"""Will a model fit into memory? The estimate term by term, what is available, and the verdict before anything is loaded."""
