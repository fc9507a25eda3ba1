"""The networks, one file a paper; `inception_edu.family` lists them."""
