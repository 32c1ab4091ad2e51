"""The site gateway: reads meters, processes and journals at the site, reports changes over MQTT.

Installs and runs alone; never imports backend.
"""
