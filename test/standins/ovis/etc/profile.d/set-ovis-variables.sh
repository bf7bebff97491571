# A stand-in for the file of OVIS: by it, login shells find its programs, plugins and Python modules.
case ":$PATH:" in *:/opt/ovis/sbin:*) ;; *) export PATH="/opt/ovis/bin:/opt/ovis/sbin:$PATH" ;; esac
case ":${PYTHONPATH-}:" in
*/site-packages:*) ;;
*) export PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}/opt/ovis/lib/python3.11/site-packages" ;;
esac
export LDMSD_PLUGIN_LIBPATH=/opt/ovis/lib/ovis-ldms ZAP_LIBPATH=/opt/ovis/lib/ovis-ldms
