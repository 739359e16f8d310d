"""The main study: is a film nominated for a writing Oscar, predicted from its whole screenplay?"""
