using System.Text;
using Engine.Kernels.Interop;

namespace Engine.Kernels.Cudnn;

/// <summary>
/// A descriptor of cuDNN's backend API: attributes are set, it is finalized, and then used by others until it is disposed. Whoever makes
/// one disposes it; an <see cref="OperationGraph"/> owns the tensors and operations made by its methods.
/// </summary>
public abstract unsafe class BackendDescriptor : IDisposable
{
    private readonly BackendDescriptorType _type;

    private protected BackendDescriptor(ICudnnBackend backend, BackendDescriptorType type)
    {
        (Backend, _type) = (backend, type);
        int status = backend.Create(type, out nint handle);
        if (status != 0)
        {
            throw Error(status, "cudnnBackendCreateDescriptor", "");
        }

        Handle = handle;
    }

    /// <summary>The raw cudnnBackendDescriptor_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Whether all attributes are set and it may be used.</summary>
    public bool IsFinalized { get; private set; }

    private protected ICudnnBackend Backend { get; }

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            int status = Backend.Destroy(handle);
            if (status != 0)
            {
                throw Error(status, "cudnnBackendDestroyDescriptor", "");
            }
        }

        DisposeCore();
        GC.SuppressFinalize(this);
    }

    /// <summary>What this descriptor owns goes with it.</summary>
    private protected virtual void DisposeCore() { }

    private protected void Set<T>(BackendAttribute attribute, BackendAttributeType type, params ReadOnlySpan<T> elements) where T : unmanaged
    {
        fixed (T* data = elements)
        {
            Set(attribute, type, elements.Length, data);
        }
    }

    private protected void Set(BackendAttribute attribute, params ReadOnlySpan<BackendDescriptor> descriptors)
    {
        nint[] handles = new nint[descriptors.Length];
        for (int i = 0; i < handles.Length; i++)
        {
            ObjectDisposedException.ThrowIf(descriptors[i].Handle == 0, descriptors[i]);
            handles[i] = descriptors[i].Handle;
        }

        Set<nint>(attribute, BackendAttributeType.Descriptor, handles);
    }

    /// <summary>Sets a text. The terminating zero is always there, and counted where the recorded calls count it.</summary>
    private protected void SetText(BackendAttribute attribute, string text, bool countsTerminator)
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes(text), 0];
        fixed (byte* data = bytes)
        {
            Set(attribute, BackendAttributeType.Char, countsTerminator ? bytes.Length : bytes.Length - 1, data);
        }
    }

    /// <summary>Sets attributes and finalizes; where one of the calls fails, nothing stays behind.</summary>
    private protected void Build(Action set)
    {
        try
        {
            set();
            Finish();
        }
        catch
        {
            Abandon();
            throw;
        }
    }

    /// <summary>Gives it back on the way out of a failure, which is the error to report.</summary>
    private protected void Abandon()
    {
        if (Handle != 0)
        {
            Backend.Destroy(Handle);
            Handle = 0;
        }

        DisposeCore();
    }

    private void Finish()
    {
        int status = Backend.Finish(Handle);
        if (status != 0)
        {
            throw Error(status, "cudnnBackendFinalize", "");
        }

        IsFinalized = true;
    }

    /// <summary>All elements of an attribute.</summary>
    private protected T[] Get<T>(BackendAttribute attribute, BackendAttributeType type) where T : unmanaged
    {
        T[] elements = new T[Get(attribute, type, 0, null)];
        if (elements.Length == 0)
        {
            return elements;
        }

        fixed (T* data = elements)
        {
            long count = Get(attribute, type, elements.Length, data);
            return count < elements.Length ? elements[..(int)count] : elements;
        }
    }

    /// <summary>The one element of an attribute.</summary>
    private protected T GetOne<T>(BackendAttribute attribute, BackendAttributeType type) where T : unmanaged
    {
        T element = default;
        Get(attribute, type, 1, &element);
        return element;
    }

    /// <summary>Lets cuDNN fill in descriptors; returns how many of them it has filled.</summary>
    private protected int Fill(BackendAttribute attribute, params ReadOnlySpan<BackendDescriptor> descriptors)
    {
        nint[] handles = new nint[descriptors.Length];
        for (int i = 0; i < handles.Length; i++)
        {
            handles[i] = descriptors[i].Handle;
        }

        fixed (nint* data = handles)
        {
            int count = (int)Math.Min(Get(attribute, BackendAttributeType.Descriptor, handles.Length, data), handles.Length);
            foreach (BackendDescriptor descriptor in descriptors[..count])
            {
                descriptor.IsFinalized = true;
            }

            return count;
        }
    }

    private protected string GetText(BackendAttribute attribute) =>
        Encoding.UTF8.GetString(Get<byte>(attribute, BackendAttributeType.Char)).TrimEnd('\0');

    private protected long Get(BackendAttribute attribute, BackendAttributeType type, long requested, void* elements)
    {
        int status = Backend.Get(Handle, attribute, type, requested, out long count, elements);
        return status == 0 ? count : throw Error(status, "cudnnBackendGetAttribute", $" attribute {attribute} ({(int)attribute})");
    }

    private protected CudaException Error(int status, string call, string details) => CudnnApi.Error(
        status, call, CudnnStatus.NameOf(status)
            ?? "unknown cuDNN status", Backend.LastError, $"{_type} descriptor{details}{(Describe() is { Length: > 0 } text ? $", {text}" : "")}");

    /// <summary>What it stands for, for errors; empty before it knows.</summary>
    private protected virtual string Describe() => "";

    private void Set(BackendAttribute attribute, BackendAttributeType type, long count, void* elements)
    {
        int status = Backend.Set(Handle, attribute, type, count, elements);
        if (status != 0)
        {
            throw Error(status, "cudnnBackendSetAttribute", $" attribute {attribute} ({(int)attribute})");
        }
    }
}
