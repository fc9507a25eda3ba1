"""The networks, one file per paper; `inception_edu.family` lists them."""
