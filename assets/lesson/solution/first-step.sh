kubectl label --overwrite node {{node01}} lesson=done
